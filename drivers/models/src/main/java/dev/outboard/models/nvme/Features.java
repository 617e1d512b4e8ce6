package dev.outboard.models.nvme;

import java.util.Arrays;

/** Features of the controller (NVM Express 1.4, section 5.21.1): values, by number. */
final class Features {
    static final int WRITE_CACHE = 0x06;
    static final int QUEUES = 0x07;

    private static final int TEMPERATURE = 0x04;
    private static final int VECTOR = 0x09;
    private static final int COUNT = 0x0c;
    private static final int CHANGEABLE = 1 << 2;
    private static final int HOT_KELVIN = 343;
    private static final int SAVE = 1 << 31;
    private static final int SELECT_SHIFT = 8;
    private static final int SELECT_MASK = 7;

    private final int[] initial = new int[COUNT];
    private final int[] now;
    private final int queues;

    /** The value that the last command answers with. */
    private int result;

    Features(int queues, boolean hasCache) {
        this.queues = queues;
        initial[TEMPERATURE] = HOT_KELVIN;
        initial[WRITE_CACHE] = hasCache ? 1 : 0;
        initial[QUEUES] = queues - 1 | queues - 1 << Short.SIZE;
        now = initial.clone();
    }

    int result() {
        return result;
    }

    boolean isWriteCacheOn() {
        return (now[WRITE_CACHE] & 1) != 0;
    }

    void reset() {
        System.arraycopy(initial, 0, now, 0, COUNT);
    }

    private static boolean isKnown(int feature) {
        // 1 arbitration … 0xb events; 3 is of ranges of blocks, which there are not.
        return feature > 0 && feature < COUNT && feature != 3;
    }

    /** Sets one; a status. */
    int set(int word10, int value) {
        int feature = word10 & 0xff;
        if (!isKnown(feature)) {
            return NvmeStatus.INVALID_FIELD;
        }
        if ((word10 & SAVE) != 0) {
            return NvmeStatus.FEATURE_NOT_SAVEABLE;
        }
        result = 0;
        if (feature == QUEUES) {
            return setQueues(value);
        }
        if (feature == WRITE_CACHE && initial[WRITE_CACHE] == 0) {
            return NvmeStatus.FEATURE_NOT_CHANGEABLE;
        }
        if (feature != VECTOR) {
            now[feature] = value;
        }
        return NvmeStatus.OK;
    }

    private int setQueues(int value) {
        int submissions = value & 0xffff;
        int completions = value >>> Short.SIZE;
        if (submissions == 0xffff || completions == 0xffff) {
            return NvmeStatus.INVALID_FIELD;
        }
        result =
                Math.min(submissions, queues - 1) | Math.min(completions, queues - 1) << Short.SIZE;
        now[QUEUES] = result;
        return NvmeStatus.OK;
    }

    /** Tells one; a status. */
    int get(int word10, int word11) {
        int feature = word10 & 0xff;
        int select = word10 >>> SELECT_SHIFT & SELECT_MASK;
        if (!isKnown(feature) || select > 3) {
            return NvmeStatus.INVALID_FIELD;
        }
        result =
                switch (select) {
                    case 0 -> feature == VECTOR ? word11 & 0xffff : now[feature];
                    case 3 -> CHANGEABLE;
                    default -> initial[feature];
                };
        return NvmeStatus.OK;
    }

    @Override
    public String toString() {
        return Arrays.toString(now);
    }
}
