# CPU image. Build: docker build -t styleclip-studio .
# Run:   docker run --rm -p 127.0.0.1:7860:7860 -v styleclip-weights:/weights styleclip-studio
FROM python:3.11-slim-bookworm

# MediaPipe and OpenCV load the GL libraries even when they only use the CPU.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libegl1 libgles2 libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

# Say --build-arg PIP_EXTRA_INDEX_URL=<an index of CPU-only torch wheels> for an image without the CUDA libraries.
ARG PIP_EXTRA_INDEX_URL
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .

RUN useradd --create-home --uid 1000 studio && install -d -o studio /weights
USER studio
ENV STYLECLIP_CACHE=/weights GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860 PYTHONUNBUFFERED=1
VOLUME /weights
EXPOSE 7860

# The first start downloads the weights into the volume before it answers.
HEALTHCHECK --start-period=5m --interval=30s --timeout=5s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/', timeout=4)"]
CMD ["python", "app.py"]
