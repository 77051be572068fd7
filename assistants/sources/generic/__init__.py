"""Sources that are data: how to verify a request, how to unwrap it, and rules that map its pieces to messages."""
