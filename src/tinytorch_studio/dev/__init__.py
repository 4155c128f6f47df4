"""Commands for those who build TinyTorch: `tt dev ...`."""
