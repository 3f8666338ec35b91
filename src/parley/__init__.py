"""Software with which wallets that do not trust each other meet, pay and act together."""

__all__ = ["__version__"]

__version__ = "0.1.0"
