"""Operations on sweeps, shared by the command line, the library, the report and the services. Nothing here prints."""
