package dev.outboard.dma;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.MemoryFile;
import java.util.List;

/**
 * What a segment is made of: one file, or several that are mapped one after the other, all of the
 * same length. Owned by the segment; threads as it.
 */
final class SegmentFile implements AutoCloseable {
    private final List<MemoryFile> files;

    /** Takes them over. */
    SegmentFile(List<MemoryFile> files) {
        this.files = List.copyOf(files);
    }

    /**
     * The file, for another process.
     *
     * @throws IllegalStateException if they are several
     */
    Descriptor descriptor() {
        if (files.size() > 1) {
            throw new IllegalStateException(
                    "this segment is made of %d files, which no other process can be given"
                            .formatted(files.size()));
        }
        return files.getFirst().descriptor();
    }

    /** Gives a part back to the kernel: of several files whole ones, as their pages are. */
    void punchHole(long offset, long lengthBytes) {
        long done = 0;
        while (done < lengthBytes) {
            long each = files.getFirst().lengthBytes();
            MemoryFile file = files.get((int) ((offset + done) / each));
            long within = (offset + done) % each;
            long part = Math.min(each - within, lengthBytes - done);
            file.punchHole(within, part);
            done += part;
        }
    }

    @Override
    public void close() {
        files.forEach(MemoryFile::close);
    }
}
