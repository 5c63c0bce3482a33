"""A package, so that the app and the browser that its tests share end with the last of them."""
