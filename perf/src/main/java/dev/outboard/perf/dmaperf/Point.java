package dev.outboard.perf.dmaperf;

import dev.outboard.host.cli.UsageException;

/**
 * One figure to measure.
 *
 * @param pages of each mapping
 * @param fillPercent of the IOVA space that other live mappings hold, with the gaps at random
 * @param batch mappings made by one call; 1: by themselves
 */
record Point(int pages, int fillPercent, int batch) {
    /** As the driver process is told. */
    String written() {
        return pages + ":" + fillPercent + ":" + batch;
    }

    /** Reads what {@link #written} wrote. */
    static Point read(String written) {
        var parts = written.split(":");
        try {
            return new Point(
                    Integer.parseInt(parts[0]),
                    Integer.parseInt(parts[1]),
                    Integer.parseInt(parts[2]));
        } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
            throw new UsageException("--point " + written + ": write PAGES:FILL:BATCH");
        }
    }
}
