-- Fed to the new cluster's single-user mode, before anybody may connect.
CREATE DATABASE carpool;
