package dev.outboard.host.doctor;

import java.util.regex.Pattern;

/** What the kernel allows this process. Reads files; any thread. */
final class Limits {
    private static final Pattern SPACES = Pattern.compile("\\s+");
    private static final int LIMIT_WORD = 3;
    private static final int LOCK_CAPABILITY = 14;
    private static final int ADMINISTER_CAPABILITY = 21;
    private static final String UNLIMITED = "unlimited";

    private final RootFiles files;

    Limits(RootFiles files) {
        this.files = files;
    }

    /** The limit as the kernel writes it. */
    String lockedText() {
        return files.lines("proc/self/limits")
                .filter(line -> line.startsWith("Max locked memory"))
                .map(line -> SPACES.split(line)[LIMIT_WORD])
                .findFirst()
                .orElse("unknown");
    }

    /** How much may be locked; 0 where that cannot be read. */
    long lockedBytes() {
        var text = lockedText();
        if (text.equals(UNLIMITED)) {
            return Long.MAX_VALUE;
        }
        return text.chars().allMatch(Character::isDigit) ? Long.parseLong(text) : 0;
    }

    /** Whether so much may be locked: the limit is none for who may ignore it. */
    boolean mayLock(long bytes) {
        return lockedBytes() >= bytes || has(LOCK_CAPABILITY);
    }

    /** Whether /proc/self/pagemap shows page frames, rather than zeroes. */
    boolean maySeeAddresses() {
        return has(ADMINISTER_CAPABILITY);
    }

    private boolean has(int capability) {
        return files.lines("proc/self/status")
                .filter(line -> line.startsWith("CapEff:"))
                .map(line -> Long.parseUnsignedLong(SPACES.split(line)[1], 16))
                .anyMatch(set -> (set >>> capability & 1) != 0);
    }

    long freeHugePages() {
        return meminfo("HugePages_Free");
    }

    /** A figure of /proc/meminfo; 0 where there is none. */
    long meminfo(String field) {
        return files.lines("proc/meminfo")
                .filter(line -> line.startsWith(field + ":"))
                .map(line -> Long.parseLong(SPACES.split(line)[1]))
                .findFirst()
                .orElse(0L);
    }
}
