package dev.outboard.host.device;

import java.io.BufferedReader;
import java.io.IOException;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Orders to a switch that runs, one a line: {@code link NAME up} and {@code link NAME down}. Who
 * reads them is a daemon thread of its own, until the input ends; a line that is no order is told
 * of and changes nothing.
 */
final class LinkOrders {
    private static final int WORDS = 3;

    private final BiConsumer<String, Boolean> link;
    private final Consumer<String> told;

    /**
     * @param link puts a port's cable in, or pulls it out
     * @param told hears what was done, or why it was not
     */
    LinkOrders(BiConsumer<String, Boolean> link, Consumer<String> told) {
        this.link = link;
        this.told = told;
    }

    /** Reads from now on. */
    void follow(BufferedReader input) {
        Thread.ofPlatform().daemon().name("orders").start(() -> read(input));
    }

    private void read(BufferedReader input) {
        try {
            for (String line = input.readLine(); line != null; line = input.readLine()) {
                if (!line.isBlank()) {
                    told.accept(obey(line));
                }
            }
        } catch (IOException ended) {
            told.accept("no more orders: " + ended.getMessage());
        }
    }

    /** Obeys a line; what there is to say of it. */
    String obey(String line) {
        String[] words = line.strip().split("\\s+");
        boolean up = words[words.length - 1].equals("up");
        boolean known =
                words.length == WORDS
                        && words[0].equals("link")
                        && (up || words[WORDS - 1].equals("down"));
        if (!known) {
            return "'%s' is no order: write link NAME up, or link NAME down"
                    .formatted(line.strip());
        }
        try {
            link.accept(words[1], up);
        } catch (IllegalArgumentException e) {
            return e.getMessage();
        }
        return "link of " + words[1] + " is " + words[2];
    }
}
