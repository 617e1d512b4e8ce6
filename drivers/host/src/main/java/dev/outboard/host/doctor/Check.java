package dev.outboard.host.doctor;

/**
 * One thing that was looked at.
 *
 * @param name what was looked at
 * @param state how it is
 * @param found what is there
 * @param remedy what mends it, in words, or null where nothing needs mending
 * @param command what mends it when root types it, or null where words must do
 */
record Check(String name, State state, String found, String remedy, String command) {
    /** How something is. */
    enum State {
        /** It is as it should be. */
        OK,

        /** It is not there; what needs it is named, and the rest works. */
        ABSENT,

        /** Nothing works without it. */
        FAILED
    }

    static Check ok(String name, String found) {
        return new Check(name, State.OK, found, null, null);
    }

    static Check absent(String name, String found, String remedy) {
        return absent(name, found, remedy, null);
    }

    static Check absent(String name, String found, String remedy, String command) {
        return new Check(name, State.ABSENT, found, remedy, command);
    }

    static Check failed(String name, String found, String remedy) {
        return failed(name, found, remedy, null);
    }

    static Check failed(String name, String found, String remedy, String command) {
        return new Check(name, State.FAILED, found, remedy, command);
    }

    /** The line for people. */
    String line() {
        var mark =
                switch (state) {
                    case OK -> "ok     ";
                    case ABSENT -> "absent ";
                    case FAILED -> "FAILED ";
                };
        return "%s %-16s %s%s%s"
                .formatted(
                        mark,
                        name,
                        found,
                        remedy == null ? "" : ". " + remedy,
                        command == null ? "" : ": " + command);
    }
}
