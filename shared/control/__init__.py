"""What can be done to sweeps, by whoever does it: command line, library, report, services. Nothing here prints."""
