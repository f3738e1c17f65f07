"""Files of any size to files of decisions: chunks, the journal that goes on after a kill, workers, Ray."""
