"""What any lecture needs: claims, rules, training engines, the results store. No backend is imported on import."""
