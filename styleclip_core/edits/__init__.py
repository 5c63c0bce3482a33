"""Ways to change a face, one method a file; `sliders` adds several of them up."""
