package dev.outboard.kernel;

import dev.outboard.driver.ClientContext;
import dev.outboard.uio.net.XdpProgram;
import dev.outboard.uio.net.XdpSocket;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What the XDP client is told: {@code name=NAME[,copy|zerocopy][,native|generic][,queue=N]}.
 *
 * @param name the interface
 * @param copy how frames pass between it and the driver's memory
 * @param place where the program that takes its frames runs
 * @param queue its first queue that is used
 */
record XdpOptions(String name, XdpSocket.Copy copy, XdpProgram.Place place, int queue) {
    static final String HELP = "name=eth0[,copy|zerocopy][,native|generic][,queue=0]";

    private static final String QUEUE = "queue=";

    static XdpOptions of(ClientContext context) {
        for (String option : context.options().keySet()) {
            if (!option.equals("name")) {
                throw new IllegalArgumentException(
                        "there is no option '%s': take %s".formatted(option, HELP));
            }
        }
        String text = context.options().get("name");
        if (text == null) {
            throw new IllegalArgumentException("name=NAME says which interface: --xdp NAME");
        }
        return parse(text);
    }

    static XdpOptions parse(String text) {
        List<String> words = Arrays.asList(text.split(",", -1));
        var copy = XdpSocket.Copy.AUTO;
        var place = XdpProgram.Place.AUTO;
        int queue = 0;
        Set<String> given = new HashSet<>();
        for (String word : words.subList(1, words.size())) {
            String kind;
            if (word.equals("copy") || word.equals("zerocopy")) {
                kind = "copy";
                copy = word.equals("copy") ? XdpSocket.Copy.COPY : XdpSocket.Copy.ZERO_COPY;
            } else if (word.equals("native") || word.equals("generic")) {
                kind = "place";
                place = word.equals("native") ? XdpProgram.Place.NATIVE : XdpProgram.Place.GENERIC;
            } else if (word.matches(QUEUE + "[0-9]{1,3}")) {
                kind = QUEUE;
                queue = Integer.parseInt(word.substring(QUEUE.length()));
            } else {
                throw new IllegalArgumentException(
                        "'%s' says nothing of an interface: take %s".formatted(word, HELP));
            }
            if (!given.add(kind)) {
                throw new IllegalArgumentException(
                        "'%s' says again, or otherwise, what was said: %s".formatted(word, text));
            }
        }
        return new XdpOptions(words.getFirst(), copy, place, queue);
    }
}
