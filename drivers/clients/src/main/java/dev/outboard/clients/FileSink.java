package dev.outboard.clients;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * A file that is there whole, or not at all: written beside its place, and moved there when it is
 * to be kept. One thread.
 */
final class FileSink implements AutoCloseable {
    private final Path place;
    private final Path draft;
    private final FileChannel channel;

    private FileSink(Path place, Path draft, FileChannel channel) {
        this.place = place;
        this.draft = draft;
        this.channel = channel;
    }

    /**
     * @param path where it is to be; null for nowhere
     * @throws IllegalArgumentException if no file can be there
     */
    static FileSink open(String path) {
        if (path == null) {
            return new FileSink(null, null, null);
        }
        Path place = Path.of(path).toAbsolutePath();
        try {
            Path draft =
                    Files.createTempFile(place.getParent(), place.getFileName() + ".", ".part");
            return new FileSink(place, draft, FileChannel.open(draft, StandardOpenOption.WRITE));
        } catch (IOException cause) {
            throw new IllegalArgumentException(
                    "option to=%s: no file can be written there: %s"
                            .formatted(path, cause.getMessage()),
                    cause);
        }
    }

    void write(ByteBuffer bytes) throws IOException {
        while (channel != null && bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** It is whole. */
    void keep() throws IOException {
        if (channel != null) {
            channel.force(true);
            Files.move(draft, place, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    @Override
    public void close() throws IOException {
        if (channel != null) {
            channel.close();
            Files.deleteIfExists(draft);
        }
    }
}
