"""The straight line, one stage a module. ``run`` alone chains them; ``ports`` says what they need."""
