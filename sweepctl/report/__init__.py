"""The report of a sweep as one HTML page: `collect` reads the store, `sections` arrange the data, `page` makes HTML."""
