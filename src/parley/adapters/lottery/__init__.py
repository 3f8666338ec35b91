"""How lottery payments look from outside: the HTTP header, the JSON form, the sealed secret."""
