#!/bin/sh
# Makes the built-in loop: 8 s of picture and sound, two renditions of four 2 s segments each.
#
# 8 s is the shortest time in which both 25 pictures a second (200) and AAC frames of 1024 samples at
# 48 kHz (375) come out even, in whole 2 s segments; so the loop can follow itself for ever. The picture
# moves with a period of 8 s, and the sound is the middle one of three rounds, so that neither jumps at
# the seam.
#
# Needs bc, ffmpeg (made with 5.1.9, x264 164) and the DejaVu fonts. Bit-exact: one thread, no version strings.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ff() { ffmpeg -hide_banner -loglevel error -nostdin -y "$@"; }
sans=/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf
mono=/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf

# Slow waves of dark blue and teal, and a light that goes round once in 8 s (T in seconds).
wave="sin(X/W*5+2*PI*T/8)+sin(Y/H*4-4*PI*T/8)+sin((X+Y)/W*4+2*PI*T/8)"
light="exp(-(pow(X-W*(0.5+0.36*cos(2*PI*T/8)),2)+pow(Y-H*(0.5+0.32*sin(2*PI*T/8)),2))/(W*W/260))"
ff -f lavfi -i "color=black:s=640x360:r=25:d=8,format=yuv420p,\
geq=lum='58+14*($wave)+130*($light)':cb='146+9*sin(X*2/W*3+2*PI*T/8)-34*exp(-(pow(X*2-W*2*(0.5+0.36*cos(2*PI*T/8)),2)+pow(Y*2-H*2*(0.5+0.32*sin(2*PI*T/8)),2))/(W*W/65))':cr='112+10*sin(Y*2/H*3-2*PI*T/8)+26*exp(-(pow(X*2-W*2*(0.5+0.36*cos(2*PI*T/8)),2)+pow(Y*2-H*2*(0.5+0.32*sin(2*PI*T/8)),2))/(W*W/65))'" \
    -flags bitexact -c:v ffv1 "$work/background.mkv"

# render WIDTH HEIGHT BITRATE LABEL: one rendition's video, cut at its closed groups of pictures.
render() {
    width=$1 height=$2 rate=$3 label=$4
    # shellcheck disable=SC2016
    ff -i "$work/background.mkv" -flags bitexact -fflags bitexact -an -filter_threads 1 -vf "scale=$width:$height,\
drawtext=fontfile=$sans:text='OpenMediaPackage':fontcolor=white:fontsize=h/11:x=w*0.05:y=h*0.08,\
drawtext=fontfile=$sans:text='live demo source':fontcolor=white@0.75:fontsize=h/20:x=w*0.05:y=h*0.19,\
drawtext=fontfile=$mono:text='$label':fontcolor=white@0.9:fontsize=h/18:x=w*0.95-tw:y=h*0.1,\
drawtext=fontfile=$mono:text='%{eif\:floor(n/25)\:d\:1}.%{eif\:mod(n,25)*4\:d\:2}':fontcolor=white:fontsize=h/3.2:x=(w-tw)/2:y=h*0.38,\
drawtext=fontfile=$mono:text='frame %{eif\:n\:d\:3} of 200':fontcolor=white@0.9:fontsize=h/15:x=(w-tw)/2:y=h*0.72,\
drawbox=x=iw*0.05:y=ih*0.88:w=iw*0.9:h=ih*0.03:color=white@0.2:t=fill,\
$(progress)drawbox=x=iw*0.9:y=ih*0.2:w=iw*0.05:h=iw*0.05:color=white:t=fill:enable='lt(mod(n,25),3)'" \
        -pix_fmt yuv420p -c:v libx264 -threads 1 -profile:v main -preset veryslow -b:v "$rate" -maxrate "$rate" -bufsize "$rate" \
        -g 50 -keyint_min 50 -sc_threshold 0 -bf 2 -x264-params open-gop=0:b-pyramid=none:b-adapt=0:bframes=2:scenecut=0 \
        -f segment -segment_time 2 -segment_format mpegts \
        "$work/$label-%d.ts"
}

# A bar that grows in fortieths of the loop, as drawbox cannot change its width by the frame.
progress() {
    step=0
    while [ $step -lt 40 ]; do
        printf "drawbox=x=iw*(0.05+0.0225*%d):y=ih*0.88:w=iw*0.0225+1:h=ih*0.03:color=white@0.85:t=fill:enable='gte(n,%d)'," $step $((step * 5))
        step=$((step + 1))
    done
}

# A ping each second, higher at the start of the loop; frame 0 of the coder only warms it up.
ff -f lavfi -i "aevalsrc='0.4*sin(2*PI*if(lt(mod(t,8),1),1320,880)*t)*exp(-9*mod(t,1))|0.4*sin(2*PI*if(lt(mod(t,8),1),1320,880)*t)*exp(-9*mod(t,1))':s=48000:d=24" \
    -flags bitexact -fflags bitexact -c:a aac -b:a 80k -f adts "$work/rounds.aac"

render 640 360 520k 640x360
render 320 180 150k 320x180

# Segment k takes the AAC frames that start within its 2 s: 94, 94, 94 and 93 of them. The segments of the
# picture start at 129,600/90,000 s, where ffmpeg's TS muxer puts them; the sound starts there too.
first=376
for segment in 0:0:94 1:94:188 2:188:282 3:282:375; do
    number=${segment%%:*} rest=${segment#*:}
    from=$((first + ${rest%%:*})) to=$((first + ${rest#*:}))
    ff -i "$work/rounds.aac" -c copy -flags bitexact -fflags bitexact -bsf:a "noise=drop='lt(n,$from)+gte(n,$to)'" -f adts "$work/$number.aac"
    starts_at=$(echo "scale=9; (129600 + ${rest%%:*} * 1920) / 90000" | bc)
    for label in 640x360 320x180; do
        ff -copyts -i "$work/$label-$number.ts" -itsoffset "$starts_at" -i "$work/$number.aac" -map 0:v -map 1:a -c copy \
            -flags bitexact -fflags bitexact -muxdelay 0.4 -muxpreload 0 -f mpegts "$label-$number.ts"
    done
done
