"""Tests that fakeas refuses what a real authorization server refuses."""
