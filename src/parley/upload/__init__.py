"""Upload tickets: the permission to send, earned by work or granted; pure rules and values."""
