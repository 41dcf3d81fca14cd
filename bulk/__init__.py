"""Files and tables of any size, predicted by Apache Beam with the very predictor of the servers.

Nothing here is deployed with them: Beam and its packages have an environment of their own.
"""
