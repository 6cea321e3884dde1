"""HTTP itself: requests in, answers and problems out, JSON read strictly. Nothing here knows what a payment is."""
