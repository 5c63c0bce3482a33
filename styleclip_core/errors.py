"""Errors a user can cause or meet. Their text says what to do; the app shows it, the CLI exits 2 with it."""


class StudioError(Exception):
    """Base of every error that is the user's to solve. `str(error)` is ready to be shown to them."""


class BadImage(StudioError):
    """The file is not a picture that can be used: not an image, truncated, too small or too large."""


class BadVideo(StudioError):
    """The file is not a video that can be used: no video in it, damaged, or of no length."""


class NoFaceFound(StudioError):
    """The picture holds no face that the detector can see."""


class EmptyPrompt(StudioError):
    """The prompt has no words in it."""


class BadPrompt(StudioError):
    """The prompt cannot be used: too long, or nothing in it that the text model can read."""


class UnknownPrompt(BadPrompt):
    """The model knows nothing of what the prompt speaks of; it can be tried anyway."""


class BadSetting(StudioError):
    """A parameter is out of its range, not finite, or of the wrong kind."""


class UnknownMapper(StudioError):
    """No trained mapper has that name."""


class UnknownRegion(StudioError):
    """No face region has that name, or the painted mask is empty."""


class UnknownPack(StudioError):
    """No model pack has that name."""


class UnsupportedByPack(StudioError):
    """The loaded pack lacks the network that this verb needs."""


class WeightsUnavailable(StudioError):
    """A checkpoint is neither in the cache nor downloadable, or what arrived is not what was published."""


class BadCheckpoint(StudioError):
    """A file of weights cannot be used: an unknown layout, missing or extra keys, or a pickle that would run code."""


class DiskFull(StudioError):
    """There is no room left to write a checkpoint or a result."""


class OutOfMemory(StudioError):
    """The machine or the GPU ran out of memory."""


class Cancelled(StudioError):
    """The user stopped the work; not a failure."""
