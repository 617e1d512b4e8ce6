package dev.outboard.perf.versus;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.event.Event;
import dev.outboard.perf.pattern.Pattern;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code outboard versus-stream}: one end of a TCP connection of the kernel's, of which every byte
 * is checked; versus starts it in a namespace for {@code --soak}.
 */
@Command(name = "versus-stream", hidden = true, description = "An end of a stream of versus.")
public final class StreamEndCommand implements Subcommand {
    static final int PORT = 5077;

    private static final int PIECE_BYTES = 1 << 16;
    private static final long SEED = 1;

    @Option(names = "--listen")
    private String listen;

    @Option(names = "--connect")
    private String connect;

    @Option(names = "--seconds")
    private long seconds;

    private final Pattern pattern = new Pattern(SEED, PIECE_BYTES);
    private final ByteBuffer piece = ByteBuffer.allocateDirect(PIECE_BYTES);
    private final MemorySegment memory = MemorySegment.ofBuffer(piece);

    /** For the service loader. */
    public StreamEndCommand() {}

    @Override
    public Integer call() {
        if ((listen == null) == (connect == null)) {
            throw new UsageException("give --listen ADDRESS or --connect ADDRESS");
        }
        try {
            if (listen != null) {
                receive();
            } else {
                send();
            }
        } catch (IOException e) {
            throw new CommandException("the stream broke: " + e.getMessage(), e);
        }
        return 0;
    }

    private void send() throws IOException {
        try (var channel = SocketChannel.open(new InetSocketAddress(connect, PORT))) {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
            long number = 0;
            while (System.nanoTime() < end) {
                piece.clear();
                pattern.fill(memory, 0, PIECE_BYTES, pattern.key(number++, 0));
                while (piece.hasRemaining()) {
                    channel.write(piece);
                }
            }
            channel.shutdownOutput();
            // Until the other end has read all of it.
            piece.clear();
            channel.read(piece);
            System.out.println(Event.of(Event.RESULT, "sentBytes", number * PIECE_BYTES).toJson());
        }
    }

    private void receive() throws IOException {
        try (var server = ServerSocketChannel.open()) {
            server.bind(new InetSocketAddress(listen, PORT));
            System.out.println(
                    Event.of(Event.READY, "pid", ProcessHandle.current().pid()).toJson());
            try (var channel = server.accept()) {
                check(channel);
            }
        }
    }

    private void check(SocketChannel channel) throws IOException {
        long bytes = 0;
        long wrong = 0;
        long number = 0;
        long longestNanos = 0;
        long start = System.nanoTime();
        long heard = start;
        piece.clear();
        for (int count = channel.read(piece); count >= 0; count = channel.read(piece)) {
            long now = System.nanoTime();
            longestNanos = Math.max(longestNanos, now - heard);
            heard = now;
            bytes += count;
            if (!piece.hasRemaining()) {
                if (pattern.mismatch(memory, 0, PIECE_BYTES, pattern.key(number++, 0)) >= 0) {
                    wrong++;
                }
                piece.clear();
            }
        }
        System.out.println(
                Event.of(
                                Event.RESULT,
                                "receivedBytes",
                                bytes,
                                "wrongPieces",
                                wrong,
                                "longestGapNanos",
                                longestNanos,
                                "nanos",
                                System.nanoTime() - start)
                        .toJson());
    }
}
