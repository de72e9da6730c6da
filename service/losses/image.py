"""Images compared as a viewer would."""
