DROP TABLE bookings;
DROP TABLE capacities;
