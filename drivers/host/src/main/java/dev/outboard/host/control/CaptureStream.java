package dev.outboard.host.control;

import dev.outboard.host.pcap.FrameCapture;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The answer to {@code GET /capture?snap=N}: a pcap file as it grows, until whoever asked hangs up,
 * or the driver ends. A thread of its own, which waits for a slow reader; the queues do not.
 */
final class CaptureStream implements Runnable {
    private static final String TYPE = "application/vnd.tcpdump.pcap";
    private static final String SNAP = "/capture?snap=";
    private static final int CHUNK_BYTES = 1 << 18;

    /** How soon frames are shown that have passed, and how often it is looked. */
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private final Channel channel;

    private final FrameCapture capture;

    CaptureStream(Channel channel, FrameCapture capture) {
        this.channel = channel;
        this.capture = capture;
    }

    /**
     * The most that is wanted of a frame.
     *
     * @throws IllegalArgumentException if that is no number
     */
    static int snapBytes(String uri) {
        if (uri.equals("/capture")) {
            return FrameCapture.MOST_SNAP_BYTES;
        }
        try {
            if (uri.startsWith(SNAP)) {
                return Integer.parseInt(uri.substring(SNAP.length()));
            }
        } catch (NumberFormatException none) {
            // Told below.
        }
        throw new IllegalArgumentException(
                "'" + uri + "' is no capture: write /capture or /capture?snap=BYTES");
    }

    void start() {
        Thread.ofPlatform().daemon().name("capture").start(this);
    }

    @Override
    public void run() {
        try (capture) {
            var response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
            // No length: the file ends where the connection does.
            response.headers()
                    .set(HttpHeaderNames.CONTENT_TYPE, TYPE)
                    .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
            channel.writeAndFlush(response);
            var bytes = ByteBuffer.allocate(CHUNK_BYTES);
            while (channel.isActive() && !capture.isOver()) {
                show(bytes);
                LockSupport.parkNanos(LOOK_NANOS);
            }
            if (channel.isActive()) {
                // What passed since the last look, at the driver's end.
                show(bytes);
            }
            channel.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT)
                    .addListener(ChannelFutureListener.CLOSE);
        }
    }

    /** All that is there, as long as it is taken. */
    private void show(ByteBuffer bytes) {
        int frames;
        do {
            bytes.clear();
            frames = capture.read(bytes);
            if (bytes.position() > 0) {
                var chunk = Unpooled.copiedBuffer(bytes.flip());
                channel.writeAndFlush(new DefaultHttpContent(chunk)).awaitUninterruptibly();
            }
        } while (frames > 0 && channel.isActive());
    }
}
