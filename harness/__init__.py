"""What any lecture needs: claims, rules, training engines, records of runs. Importing it imports no backend."""
