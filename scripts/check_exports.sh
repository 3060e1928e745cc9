#!/bin/sh
# Load exports of a run with the loaders of LLaMA-Factory, axolotl and OpenRLHF, each in an environment of its own.
#
#   scripts/check_exports.sh RUN [FOLDER]      FOLDER (default build/exports) keeps the environments for the next time
#
# torch is pinned to the version that comes for CPUs; the tools are installed without their dependencies, most of which
# are for GPUs, and then with those that their loaders import. Takes about 6 GB of disk.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
run=$1
folder=${2:-$here/build/exports}
tools="llamafactory axolotl openrlhf"
mkdir -p "$folder"
folder=$(CDPATH= cd -- "$folder" && pwd)

packages() {
    case $1 in
    llamafactory) echo "transformers==5.6.0 datasets==4.0.0 peft==0.18.1 accelerate==1.11.0 trl==0.24.0 omegaconf \
        av==16.0.0 pillow scipy pydantic fire sentencepiece tiktoken einops matplotlib uvicorn" ;;
    axolotl) echo "transformers==5.16.1 datasets==4.8.4 peft==0.20.0 accelerate==1.13.0 trl==1.9.0 \
        huggingface_hub==1.17.0 pydantic==2.12.5 addict posthog typer==0.25.1 fire colorama python-dotenv einops requests \
        art numba pillow scipy sentencepiece" ;;
    openrlhf) echo "transformers==5.15.0 datasets==5.2.0 accelerate peft einops pylatexenc" ;;
    esac
}

version() {
    case $1 in
    llamafactory) echo 0.9.5 ;;
    axolotl) echo 0.19.0 ;;
    openrlhf) echo 0.11.2 ;;
    esac
}

model=$("$here/.venv/bin/python" -c 'from seapo.model.load import embedded_folder; print(embedded_folder())')
for tool in $tools; do
    if [ ! -f "$folder/$tool.done" ]; then
        python3 -m venv "$folder/$tool"
        # shellcheck disable=SC2046 # a list of package names
        "$folder/$tool/bin/pip" install --quiet torch==2.13.0 $(packages "$tool")
        "$folder/$tool/bin/pip" install --quiet --no-deps "$tool==$(version "$tool")"
        touch "$folder/$tool.done"
    fi
    "$here/.venv/bin/seapo" export "$run" --to "$tool" --out "$folder/exports/$tool" --overwrite
    HF_HUB_OFFLINE=1 "$folder/$tool/bin/python" "$here/scripts/export_loaders/${tool}_side.py" \
        "$folder/exports/$tool" "$model"
done
