"""The straight line, one stage a module. ``run`` chains them; ``ports`` says what they need."""
