package dev.outboard.perf.traffic;

import dev.outboard.host.process.ProcessFailedException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Tells one {@code net-load} what to do, and hears what came of it. One thread, but for {@link
 * #close}.
 */
public final class OrderGiver implements AutoCloseable {
    private final OrderLine line;

    /**
     * Waits until a client has joined.
     *
     * @param path where it was told to; must not exist, and is removed again
     * @param starting starts the client, and says how to ask whether it may still join
     * @throws ProcessFailedException where it ended and had not joined
     */
    public OrderGiver(Path path, Supplier<BooleanSupplier> starting) {
        try {
            line = OrderLine.accept(path, starting);
        } catch (IOException e) {
            throw new ProcessFailedException("nobody can be told at " + path, e);
        }
        if (line == null) {
            throw new ProcessFailedException("who was to be told at " + path + " never came");
        }
    }

    /** Gives an order, as {@code send size=64}; the client begins at once. */
    public void begin(String order) {
        try {
            line.write(order);
        } catch (IOException e) {
            throw new ProcessFailedException("a driver died: " + e.getMessage(), e);
        }
    }

    /**
     * Ends the order that was given.
     *
     * @return what the client counted
     */
    public Map<String, Double> end() {
        begin(LoadClient.STOP);
        return answer(Duration.ofSeconds(15));
    }

    /**
     * Waits for the end of an order that has one of its own.
     *
     * @throws ProcessFailedException if it does not come in time, or the client died
     */
    public Map<String, Double> answer(Duration timeout) {
        var text = line.next(timeout);
        if (text == null || text.equals(OrderLine.GONE)) {
            throw new ProcessFailedException(
                    text == null ? "a driver does not answer" : "a driver died at its work");
        }
        var figures = new LinkedHashMap<String, Double>();
        for (var part : text.split(" ")) {
            int at = part.indexOf('=');
            figures.put(part.substring(0, at), Double.parseDouble(part.substring(at + 1)));
        }
        return figures;
    }

    @Override
    public void close() {
        try {
            line.close();
        } catch (IOException e) {
            throw new ProcessFailedException("a socket cannot be closed", e);
        }
    }
}
