#!/bin/sh
# Makes the transport streams in this folder and what ffmpeg says of them. Needs ffmpeg and ffprobe with libx264 and
# libx265.
set -eu
cd "$(dirname "$0")"

ffmpeg -v error -y -fflags +bitexact -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 \
  -t 2 -c:v libx264 -preset veryslow -crf 40 -bf 3 -g 25 -pix_fmt yuv420p -threads 1 -flags:v +bitexact \
  -c:a aac -b:a 48k -ac 2 -flags:a +bitexact -f mpegts bframes-48k.ts
ffmpeg -v error -y -fflags +bitexact -f lavfi -i testsrc2=size=160x90:rate=30000/1001 -f lavfi -i sine=frequency=440:sample_rate=44100 \
  -t 2 -c:v libx264 -preset medium -crf 40 -bf 2 -g 30 -slices 2 -pix_fmt yuv420p -threads 1 -flags:v +bitexact \
  -c:a aac -b:a 32k -ac 2 -flags:a +bitexact -metadata:s:a language=deu -f mpegts slices-44k.ts

ffmpeg -v error -y -fflags +bitexact -f lavfi -i testsrc2=size=160x90:rate=24000/1001 -f lavfi -i sine=frequency=440:sample_rate=48000 \
  -t 2 -c:v libx265 -preset ultrafast -crf 45 -pix_fmt yuv420p10le -flags:v +bitexact -x265-params "log-level=error:info=0:\
pools=1:frame-threads=1:keyint=24:min-keyint=24:scenecut=0:bframes=2:open-gop=1:repeat-headers=1:hdr10=1:range=limited:\
colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:\
master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)" \
  -c:a eac3 -b:a 192k -ac 6 -flags:a +bitexact -metadata:s:a language=fra -f mpegts hdr10-eac3.ts
ffmpeg -v error -y -fflags +bitexact -f lavfi -i testsrc2=size=160x90:rate=50 -f lavfi -i sine=frequency=440:sample_rate=44100 \
  -t 1 -c:v libx265 -preset ultrafast -crf 45 -pix_fmt yuv420p -flags:v +bitexact -x265-params "log-level=error:info=0:\
pools=1:frame-threads=1:keyint=25:min-keyint=25:scenecut=0:bframes=3:open-gop=0:repeat-headers=1:slices=2" \
  -c:a ac3 -b:a 128k -ac 2 -flags:a +bitexact -f mpegts hevc-ac3.ts

for name in bframes-48k slices-44k hdr10-eac3 hevc-ac3; do
  case $name in
    h*) filters="-bsf:v filter_units=remove_types=32-35" ;;
    *) filters="-bsf:v filter_units=remove_types=7-9 -bsf:a aac_adtstoasc" ;;
  esac
  # Timestamps as they are in the stream; sizes and hashes of the samples as ffmpeg puts them into MP4.
  ffmpeg -v error -y -i $name.ts -map 0:v -map 0:a -c copy $filters -f mp4 $name.mp4
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
