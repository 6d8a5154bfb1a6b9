"""Carpool matchmaking: domain, matching core, use cases and adapters. Open domain/, then services/, then matching/pipeline.py."""
