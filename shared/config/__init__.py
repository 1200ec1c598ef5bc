"""One validated, frozen job out of YAML files, presets and overrides."""
