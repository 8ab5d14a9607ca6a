"""A camera: serves one MP4 file (H.264 and AAC) over RTSP, from its start for each client.

usage: gst-camera.py PORT FILE [jpeg-opus | jpeg-l16 | udp | PEM]; prints "ready" when it listens.

jpeg-opus, jpeg-l16: FILE has these codecs.
udp: by UDP alone, in datagrams of up to 10,000 bytes.
PEM: by RTSPS with this certificate and key, for owner with password p@ss by Digest.
"""
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

Gst.init(None)
port, path, *option = sys.argv[1:]
mtu = 10000 if option == ["udp"] else 1400
media = (
    "qtdemux name=d "
    f"d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96 mtu={mtu} config-interval=-1 "
    "d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97"
)
sounds = {"jpeg-opus": "opusparse ! rtpopuspay", "jpeg-l16": "rtpL16pay"}
if option and option[0] in sounds:
    media = (
        "qtdemux name=d d.video_0 ! queue ! jpegparse ! rtpjpegpay name=pay0 pt=26 "
        f"d.audio_0 ! queue ! {sounds[option.pop()]} name=pay1 pt=97"
    )
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f'( filesrc location="{path}" ! {media} )')
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
if option == ["udp"]:
    factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
elif option:
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "owner")
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("owner", "media.factory.access", True)
    permissions.add_permission_for_role("owner", "media.factory.construct", True)
    factory.set_permissions(permissions)
    auth = GstRtspServer.RTSPAuth()
    auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(option[0]))
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest("owner", "p@ss", token)
    server.set_auth(auth)
server.get_mount_points().add_factory("/cam", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
