"""Which videos lie in storage, and which of them are new: listed, sorted and compared in bounded memory."""
