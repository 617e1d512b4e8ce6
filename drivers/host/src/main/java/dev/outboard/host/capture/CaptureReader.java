package dev.outboard.host.capture;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.event.Event;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.SocketChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Reads a capture from a control socket and writes it on: whole records only, however it ends. One
 * thread reads; any may {@link #close}. What answers is not trusted: lengths are bounded.
 */
final class CaptureReader implements AutoCloseable {
    private static final int FILE_BYTES = 24;
    private static final int RECORD_BYTES = 16;
    private static final int CAPTURED = 8;
    private static final int MAGIC = 0xa1b2_3c4d;
    private static final int MOST_BYTES = 1 << 20;
    private static final int MOST_HEADER_BYTES = 4096;
    private static final String END = "\r\n\r\n";

    private final Path socket;
    private final SocketChannel channel;
    private final ByteBuffer bytes =
            ByteBuffer.allocate(MOST_BYTES).order(ByteOrder.LITTLE_ENDIAN).limit(0);
    private long frames;
    private long frameBytes;

    private CaptureReader(Path socket, SocketChannel channel) {
        this.socket = socket;
        this.channel = channel;
    }

    /**
     * Asks for a capture, which has begun when this returns.
     *
     * @throws CommandException if nobody answers, or the process refuses
     */
    static CaptureReader open(Path socket, int snapBytes) {
        try {
            var channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            var reader = new CaptureReader(socket, channel);
            try {
                channel.connect(UnixDomainSocketAddress.of(socket));
                var request = "GET /capture?snap=%d HTTP/1.1\r\nHost: outboard" + END;
                channel.write(
                        ByteBuffer.wrap(
                                request.formatted(snapBytes).getBytes(StandardCharsets.US_ASCII)));
                reader.answer();
                return reader;
            } catch (IOException | RuntimeException failed) {
                reader.close();
                throw failed;
            }
        } catch (IOException e) {
            throw new CommandException(
                    "nobody answers at unix:" + socket + ": " + e.getMessage(), e);
        }
    }

    private void answer() throws IOException {
        var header = new StringBuilder();
        while (header.indexOf(END) < 0) {
            if (header.length() > MOST_HEADER_BYTES || !more()) {
                throw strange();
            }
            while (bytes.hasRemaining() && !header.toString().endsWith(END)) {
                header.append((char) (bytes.get() & 0xff));
            }
        }
        if (!header.toString().startsWith("HTTP/1.1 200 ")) {
            while (more()) {
                // The rest is one line that says why.
            }
            var event = Event.parse(StandardCharsets.UTF_8.decode(bytes).toString().strip());
            throw event != null && event.has("message")
                    ? new CommandException(event.text("message"))
                    : strange();
        }
    }

    private CommandException strange() {
        return new CommandException("unix:" + socket + " answers, and it is no capture");
    }

    /** Reads what there is; false at the end, or where there is no room. */
    private boolean more() throws IOException {
        bytes.compact();
        try {
            return bytes.hasRemaining() && channel.read(bytes) >= 0;
        } catch (AsynchronousCloseException stopped) {
            return false;
        } finally {
            bytes.flip();
        }
    }

    /**
     * Writes the file until so many frames have come, this is closed, or the driver ends.
     *
     * @throws CommandException if what comes is no capture
     */
    void copyTo(WritableByteChannel file, long mostFrames) throws IOException {
        while (bytes.remaining() < FILE_BYTES) {
            if (!more()) {
                return;
            }
        }
        if (bytes.getInt(bytes.position()) != MAGIC) {
            throw strange();
        }
        write(file, FILE_BYTES);
        while (frames < mostFrames) {
            int wholeBytes = whole(mostFrames);
            if (wholeBytes > 0) {
                write(file, wholeBytes);
            } else if (!channel.isOpen() || !more()) {
                return;
            }
        }
    }

    /** Bytes of the whole records that are here, as far as they are wanted. */
    private int whole(long mostFrames) {
        int at = bytes.position();
        while (frames < mostFrames && bytes.limit() - at >= RECORD_BYTES) {
            int captured = bytes.getInt(at + CAPTURED);
            if (captured < 0 || captured > MOST_BYTES / 2) {
                throw strange();
            }
            if (bytes.limit() - at < RECORD_BYTES + captured) {
                break;
            }
            at += RECORD_BYTES + captured;
            frames++;
            frameBytes += captured;
        }
        return at - bytes.position();
    }

    private void write(WritableByteChannel file, int count) throws IOException {
        int limit = bytes.limit();
        bytes.limit(bytes.position() + count);
        while (bytes.hasRemaining()) {
            file.write(bytes);
        }
        bytes.limit(limit);
    }

    long frames() {
        return frames;
    }

    /** What was kept of them. */
    long frameBytes() {
        return frameBytes;
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new CommandException("cannot close unix:" + socket + ": " + e.getMessage(), e);
        }
    }
}
