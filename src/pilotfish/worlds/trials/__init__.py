"""Every fault against every live venue's own session, in virtual time: what is lost, doubled or wrong afterwards."""
