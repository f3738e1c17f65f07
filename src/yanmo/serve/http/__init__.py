"""The service over HTTP: routes, schemas, batches, limits, metrics, log, page and the server that runs them."""
