#!/bin/sh
# Makes the transport streams in this folder and what ffmpeg says of them. Needs ffmpeg and ffprobe with libx264.
set -eu
cd "$(dirname "$0")"

ffmpeg -v error -y -fflags +bitexact -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 \
  -t 2 -c:v libx264 -preset veryslow -crf 40 -bf 3 -g 25 -pix_fmt yuv420p -threads 1 -flags:v +bitexact \
  -c:a aac -b:a 48k -ac 2 -flags:a +bitexact -f mpegts bframes-48k.ts
ffmpeg -v error -y -fflags +bitexact -f lavfi -i testsrc2=size=160x90:rate=30000/1001 -f lavfi -i sine=frequency=440:sample_rate=44100 \
  -t 2 -c:v libx264 -preset medium -crf 40 -bf 2 -g 30 -slices 2 -pix_fmt yuv420p -threads 1 -flags:v +bitexact \
  -c:a aac -b:a 32k -ac 2 -flags:a +bitexact -metadata:s:a language=deu -f mpegts slices-44k.ts

for name in bframes-48k slices-44k; do
  # Timestamps as they are in the stream; sizes and hashes of the samples as ffmpeg puts them into MP4.
  ffmpeg -v error -y -i $name.ts -map 0:v -map 0:a -c copy -bsf:v filter_units=remove_types=7-9 -bsf:a aac_adtstoasc -f mp4 $name.mp4
  for stream in v a; do
    ffprobe -v error -select_streams $stream -show_entries packet=pts,dts,flags -of compact=p=0:nk=1 $name.ts |
      sed 's/|*$//' | grep . > $name.$stream.times
    ffprobe -v error -select_streams $stream -show_entries packet=size,data_hash -show_data_hash md5 -of compact=p=0:nk=1 $name.mp4 |
      sed 's/|*$//; s/MD5://' | grep . > $name.$stream.samples
    paste -d '|' $name.$stream.times $name.$stream.samples | sed "s/^/$stream|/"
    rm $name.$stream.times $name.$stream.samples
  done > $name.packets
  rm $name.mp4
done
