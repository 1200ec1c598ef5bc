"""The operations on sweeps that the command line, the library, the report and the services share. Nothing here prints."""
