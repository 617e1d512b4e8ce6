package dev.outboard.perf.traffic;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Lines of text between who gives orders and who takes them, both processes of one command. Owns
 * the socket and one daemon thread that reads it, so that a look whether something came is a look
 * into memory. Any thread.
 */
final class OrderLine implements AutoCloseable {
    /** What is read where the other end is gone. */
    static final String GONE = "";

    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private final SocketChannel channel;
    private final LinkedBlockingQueue<String> lines = new LinkedBlockingQueue<>();

    private OrderLine(SocketChannel channel) {
        this.channel = channel;
        Thread.ofPlatform().daemon().name("orders").start(this::read);
    }

    /** Joins who listens at a path. */
    static OrderLine connect(Path path) throws IOException {
        return new OrderLine(SocketChannel.open(UnixDomainSocketAddress.of(path)));
    }

    /**
     * Listens at a path until one joins; the path is there before {@code starting} runs.
     *
     * @param starting returns how to ask whether someone still may
     * @return null where nobody joined, and nobody may
     */
    static OrderLine accept(Path path, Supplier<BooleanSupplier> starting) throws IOException {
        try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(path));
            var isExpected = starting.get();
            server.configureBlocking(false);
            while (true) {
                boolean mayCome = isExpected.getAsBoolean();
                var channel = server.accept();
                if (channel != null) {
                    return new OrderLine(channel);
                }
                if (!mayCome) {
                    return null;
                }
                LockSupport.parkNanos(LOOK_NANOS);
            }
        } finally {
            Files.deleteIfExists(path);
        }
    }

    private void read() {
        try (var reader = new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8))) {
            for (var line = reader.readLine(); line != null; line = reader.readLine()) {
                lines.add(line);
            }
        } catch (IOException gone) {
            // Told below, as an end.
        }
        lines.add(GONE);
    }

    /** Writes a line. */
    void write(String line) throws IOException {
        var bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** Whether a line has come that was not taken; allocates nothing. */
    boolean hasNext() {
        return !lines.isEmpty();
    }

    /** The next line; {@link #GONE} if the other end is; null if the time is up. */
    String next(Duration timeout) {
        try {
            return lines.poll(timeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return GONE;
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
