"""How every file of pretrained/ was made."""
