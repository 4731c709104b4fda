"""The pages of docs/reference/, made from the code and from ``words.yml``. Pure but for reading."""
