package dev.outboard.models.nic;

import java.util.Arrays;

/**
 * Which frames a driver wants (VIRTIO 1.2, section 5.1.6.5.1 to 5.1.6.5.3). Until its control queue
 * says otherwise, all: a front-end may keep that queue to itself. The loop's thread; nothing
 * allocates.
 */
final class ReceiveFilter {
    /** The most addresses of a table; with more, all of the kind are received. */
    static final int MOST_ADDRESSES = 64;

    private static final long GROUP_BIT = 1;
    private static final long ALL = 0xffff_ffff_ffffL;
    private static final int VLANS = 4096;

    private final long[] stations = new long[MOST_ADDRESSES];
    private final long[] groups = new long[MOST_ADDRESSES];
    private final long[] vlans = new long[VLANS / Long.SIZE];
    private int stationCount;
    private int groupCount;
    private boolean stationsOverflow;
    private boolean groupsOverflow;
    private boolean filtersVlans;

    boolean promiscuous;
    boolean allGroups;
    boolean allStations;
    boolean noGroups;
    boolean noStations;
    boolean noBroadcast;

    /** As after a reset: everything is wanted. */
    void reset() {
        promiscuous = true;
        allGroups = false;
        allStations = false;
        noGroups = false;
        noStations = false;
        noBroadcast = false;
        clearTables();
        filtersVlans = false;
        Arrays.fill(vlans, 0);
    }

    /** Tables are given anew. */
    void clearTables() {
        stationCount = 0;
        groupCount = 0;
        stationsOverflow = false;
        groupsOverflow = false;
    }

    /** One more address of a station. */
    void addStation(long address) {
        if (stationCount == MOST_ADDRESSES) {
            stationsOverflow = true;
        } else {
            stations[stationCount++] = address;
        }
    }

    /** One more address of a group. */
    void addGroup(long address) {
        if (groupCount == MOST_ADDRESSES) {
            groupsOverflow = true;
        } else {
            groups[groupCount++] = address;
        }
    }

    /** Frames of a VLAN are wanted, or not any more; from now on, of those alone. */
    void vlan(int vlan, boolean wanted) {
        filtersVlans = true;
        long bit = 1L << vlan;
        if (wanted) {
            vlans[vlan >>> 6] |= bit;
        } else {
            vlans[vlan >>> 6] &= ~bit;
        }
    }

    /**
     * Whether a frame is wanted.
     *
     * @param own the driver's address
     */
    boolean wants(Frame frame, long own) {
        return promiscuous || wantsVlan(frame) && wants(frame.target, own);
    }

    private boolean wantsVlan(Frame frame) {
        int vlan = filtersVlans ? frame.vlan() : -1;
        return vlan <= 0 || (vlans[vlan >>> 6] & 1L << vlan) != 0;
    }

    private boolean wants(long target, long own) {
        if (target == ALL) {
            return !noBroadcast;
        }
        if ((target & GROUP_BIT) != 0) {
            return !noGroups && (allGroups || groupsOverflow || has(groups, groupCount, target));
        }
        return !noStations
                && (allStations
                        || stationsOverflow
                        || target == own
                        || has(stations, stationCount, target));
    }

    private static boolean has(long[] table, int count, long address) {
        for (int i = 0; i < count; i++) {
            if (table[i] == address) {
                return true;
            }
        }
        return false;
    }
}
