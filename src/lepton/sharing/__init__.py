"""One file per way of sharing, behind the interface of `lepton.sharing.base`."""
