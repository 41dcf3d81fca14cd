"""`make bench`: Tandem beside the FastAPI app that is the usual choice for this job, measured in one run."""
