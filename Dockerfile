# The studio in a container. With CUDA (it runs without a GPU as well, with the compact pack):
#   docker build -t styleclip-studio .
#   docker run --rm --gpus all -p 127.0.0.1:7860:7860 -v styleclip-weights:/weights styleclip-studio
# Without CUDA, several GB smaller; the page "Start locally" of pytorch.org names the index of CPU-only wheels:
#   docker build -t styleclip-studio:cpu --build-arg TORCH_INDEX=<that index> .
#   docker run --rm -p 127.0.0.1:7860:7860 -v styleclip-weights:/weights styleclip-studio:cpu
# Arguments after the image's name go to app.py: --pack full, --device cpu.
FROM python:3.11-slim-bookworm

WORKDIR /app
COPY packages.txt requirements.txt ./

# MediaPipe and OpenCV load the GL libraries even when they only use the CPU.
RUN apt-get update \
    && xargs -a packages.txt apt-get install -y --no-install-recommends \
    && rm -rf /var/lib/apt/lists/*

# torch's own wheels bring CUDA along. Those of TORCH_INDEX, once installed, satisfy requirements.txt.
ARG TORCH_INDEX=
RUN if [ -n "$TORCH_INDEX" ]; then \
        pip install --no-cache-dir --index-url "$TORCH_INDEX" $(grep -E '^torch(vision)?>=' requirements.txt); \
    fi \
    && pip install --no-cache-dir -r requirements.txt

COPY . .
RUN useradd --create-home --uid 1000 studio && install -d -o studio /weights
USER studio

# What is downloaded goes into the volume. Inside the container every address is listened to; -p says who may come in.
ENV STYLECLIP_CACHE=/weights/studio HF_HOME=/weights/huggingface \
    GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860 PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
VOLUME /weights
EXPOSE 7860

# The first start downloads the weights, up to 2 GB, before it answers.
HEALTHCHECK --start-period=30m --interval=30s --timeout=5s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
ENTRYPOINT ["python", "app.py"]
