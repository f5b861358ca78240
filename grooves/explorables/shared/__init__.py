"""What several explorables use: widgets, drawing, controls, the story model in the browser."""
