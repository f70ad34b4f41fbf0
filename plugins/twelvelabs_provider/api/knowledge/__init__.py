"""Knowledge stores: items, collections, search, and answers from them."""
